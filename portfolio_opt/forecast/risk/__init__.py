"""How returns move together."""
