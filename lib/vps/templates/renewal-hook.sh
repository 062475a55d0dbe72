#!/bin/sh
# Written by codex-dominion-ops: nginx goes on serving the old certificate until it is reloaded.
set -e
nginx -t -q
systemctl reload nginx
