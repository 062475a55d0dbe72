@node "%~dp0start.js" %*
