"""The page in a real browser. A package, so that its fixtures end with it: Playwright's event loop would be in others' way."""
