/**
 * Runs before the first paint, so that a dark page never flashes white. Without a stored choice the system's wish rules.
 * Storage may be forbidden by the browser; then the system's wish rules too.
 */
export const THEME_SCRIPT = `(function(){var t;try{t=localStorage.getItem('theme')}catch(e){}
var d=t?t==='dark':matchMedia('(prefers-color-scheme: dark)').matches
document.documentElement.classList.toggle('dark',d)})()`
