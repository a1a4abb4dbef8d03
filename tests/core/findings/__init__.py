"""The rules, tried on records that the tests make."""
