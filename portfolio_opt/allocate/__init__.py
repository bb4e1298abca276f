"""Beliefs, an account and the day's rules to a Plan: whole-share orders one can place, with reasons."""
