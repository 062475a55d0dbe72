/** The style sheet shared by pages with charts. The contrast of each line's colour to the page is at least 3 : 1. */
export const pageStyle = `
:root { --line-1: #1d4ed8; --line-2: #b45309; --line-3: #047857; --line-4: #be185d; --line-5: #6d28d9; --line-6: #4b5563 }
@media (prefers-color-scheme: dark) {
  :root { --line-1: #7dabff; --line-2: #f4b25f; --line-3: #4fd6a5; --line-4: #f58ab9; --line-5: #b9a0ff; --line-6: #a9b2bf }
}

:root { --page: #ffffff; --text: #1c1f24; --soft: #565d68; --edge: #d5d9e0; --bad: #a1121f }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171c; --text: #e7e9ed; --soft: #a6adb9; --edge: #363c47; --bad: #ff9aa2 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 82rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--edge); overflow-wrap: anywhere }
small, p { color: var(--soft) }
small { font-weight: normal; font-size: .85em }
.failures { color: var(--bad); padding: 0; list-style: none }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)) }
figure { margin: 0; min-width: 0 }
figcaption { font-size: .9rem }
figure > svg { width: 100%; height: auto }
.mark { vertical-align: middle }
.scroll { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft) }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--edge) }
th[scope=row], td:first-child { text-align: left; padding-left: 0 }
th { font-weight: 600 }
@media (max-width: 30rem) {
  table { font-size: .75rem }
  th, td { padding: .2rem; white-space: normal }
}
summary { cursor: pointer }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--line-1); outline-offset: 2px }
`
