"""Each way in translates to a command or a query, and decides nothing."""
