"""Words that every floor needs: identifiers, times, problems, limits. Pure."""
