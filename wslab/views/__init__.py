"""Records in, tables, figures and words out; no socket is opened."""
