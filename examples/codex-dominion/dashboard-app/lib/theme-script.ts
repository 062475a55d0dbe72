/**
 * Runs before the first paint, so that a dark page never flashes white. Without a stored choice, or when the browser
 * forbids storage, the system's preference applies.
 */
export const THEME_SCRIPT = `(function(){var t;try{t=localStorage.getItem('theme')}catch(e){}
var d=t?t==='dark':matchMedia('(prefers-color-scheme: dark)').matches
document.documentElement.classList.toggle('dark',d)})()`
