"""``make robust``: on which processors, and in how many other draws, what the pages say holds."""
