"""How big is too big: the limit search (`search`), what it tries, what that proves, and the verdict. No I/O."""
