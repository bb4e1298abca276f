"""Results to pages, CSV and JSON: one file per kind of result. Every page is made from the JSON beside it."""
