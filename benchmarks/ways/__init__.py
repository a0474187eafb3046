"""Ways to a file of orders: ours, and those that others take. Each is `make(path, **wish)` → rows.

`wish` has `report` (orders, masked or computed), `format`, and `rows`: how many at most.
"""
