#!/bin/bash -eu
# The build is the project's own.
exec bash -eu "$SRC/aether/.clusterfuzzlite/build.sh"
