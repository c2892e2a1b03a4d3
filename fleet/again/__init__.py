"""Planning again from a placement: its groups matched with the plans of today, kept where they hold, moves counted."""
