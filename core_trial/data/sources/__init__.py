"""Where records come from. Each reader hands on a table as it was given; the dictionary is applied to it later."""
