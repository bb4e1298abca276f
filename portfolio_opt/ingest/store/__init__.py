"""The price store: a folder that sources are merged into, and that is always the old one or the new one, whole.

prices.parquet/     the rows, sorted, in one file per year and, for the newest year, per month: a new day rewrites one month
quarantine.parquet  rows set aside, with the reason
sectors.csv, corporate_actions.csv, official_adjustments.csv, index.parquet   as far as sources bring them
manifest.json       hash, rows and span of every file, and of every source that was read
wide-HASH/          the price matrices as plain arrays, made when first read and dropped with the next change
"""
