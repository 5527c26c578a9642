// Nothing of its own: its target holds the precompiled header that all test programs use, because
// GoogleTest is most of what a test compiles.
