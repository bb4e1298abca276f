"""The shapes in which NEPSE's data are found: each reads the bytes of one file into a Content, or refuses it."""
