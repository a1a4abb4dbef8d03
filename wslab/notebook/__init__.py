"""What a kernel gets: `%wslab`, display hooks, and the banner of a replay."""
