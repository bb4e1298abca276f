"""The exchange: accounts, orders and the rulebook. Pure functions over rules that are dated and sourced.

Money is int64 paisa here, shares are integers, days are `datetime.date`.
"""
