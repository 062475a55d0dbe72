@node.exe "%~dp0start.js" %*
