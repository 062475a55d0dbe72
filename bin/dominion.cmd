: # npm links this file as the command "dominion". It names no interpreter, so sh runs it as a script and Windows as a
: # batch file (labels). "node" alone will not do, for the reason in bin/node.
: ; bin=$(dirname "$(readlink -f "$0")"); exec "$bin/node" "$bin/dominion.js" "$@"
@"%~dp0node.cmd" "%~dp0dominion.js" %*
