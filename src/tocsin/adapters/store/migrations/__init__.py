"""The steps by which a database comes to today's tables; Alembic runs them.

A new step is the next file in `versions`, with the step before it as its `down_revision`; set
`schema.REVISION` to it. A test compares where the steps lead with the tables of `schema`.
"""
