import type { Condition, Headline } from './types.ts'

/**
 * Styles that the status page adds to pages with charts. Contrast is at least 4.5 : 1 for text and 3 : 1 for bars and
 * icons; bars also differ in height and pattern, so that nothing depends on colour alone.
 */
export const statusStyle = `
:root {
  --page: #fcfaf5; --card: #fff; --text: #191b2d; --soft: #565a6e; --edge: #e2dfd8; --link: #2b2f77;
  --works: #15803d; --slow: #a15c07; --down: #b91c1c; --planned: #2b2f77; --none: #858b98;
  --works-tint: #eaf6ee; --slow-tint: #fdf3e1; --down-tint: #fdecec; --planned-tint: #ececf8; --unknown-tint: #f0efec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e101b; --card: #161927; --text: #eeebe3; --soft: #a5a9b8; --edge: #2c3042; --link: #aab4ff;
    --works: #4ade80; --slow: #fbbf24; --down: #f98080; --planned: #aab4ff; --none: #737a8b;
    --works-tint: #12261c; --slow-tint: #2a2111; --down-tint: #2e171b; --planned-tint: #1c1f3a; --unknown-tint: #1c1f2b;
  }
}
body { line-height: 1.55 }
a { color: var(--link) }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 2px }
.page { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem 3rem }
main { max-width: none; padding: 0 }
.top { display: flex; flex-wrap: wrap; gap: .25rem 1rem; justify-content: space-between; margin-bottom: 1rem }
.top a { font-weight: 600; text-decoration: none }
.top a:hover { text-decoration: underline }
.top p { margin: 0 }
h2 { border: 0; font-size: 1.2rem; margin: 2.5rem 0 .75rem }
h3 { font-size: 1rem; margin: 0; font-weight: 600 }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: .75rem; padding: 1rem 1.1rem }
.state {
  --tone: var(--none); display: grid; grid-template-columns: auto 1fr; gap: 1rem; align-items: start;
  border-radius: .9rem; padding: clamp(1rem, 4vw, 1.6rem); border: 1px solid var(--tone); border-left-width: 6px;
  background: var(--unknown-tint);
}
.state.works { --tone: var(--works); background: var(--works-tint) }
.state.slow { --tone: var(--slow); background: var(--slow-tint) }
.state.down, .state.trouble { --tone: var(--down); background: var(--down-tint) }
.state.planned { --tone: var(--planned); background: var(--planned-tint) }
.state.unknown { --tone: var(--soft) }
.state h1 { margin: 0; font-size: clamp(1.35rem, 5vw, 1.9rem); line-height: 1.2; text-wrap: balance }
.state p { margin: .35rem 0 0; color: var(--text) }
.state .seen { color: var(--soft); font-size: .9rem }
.icon { color: var(--tone, var(--none)); flex: none }
.state .icon { width: clamp(2.2rem, 8vw, 3rem); height: auto }
.parts { display: grid; gap: 1.25rem }
.part .head, .part .foot { display: flex; flex-wrap: wrap; gap: .1rem 1rem; justify-content: space-between; align-items: baseline }
.now { --tone: var(--soft); color: var(--tone); font-weight: 600; font-size: .9rem; display: inline-flex; gap: .4rem; align-items: center }
.now .icon { width: 1rem; height: 1rem }
.now.works { --tone: var(--works) } .now.slow { --tone: var(--slow) } .now.down { --tone: var(--down) } .now.planned { --tone: var(--planned) }
.part .foot { color: var(--soft); font-size: .8rem; line-height: 1.5em; margin: .35rem 0 0 }
.bars {
  display: flex; align-items: flex-end; gap: clamp(1px, .25vw, 3px); height: 2.4rem; margin: .4rem 0 0; padding: 0;
  list-style: none; position: relative
}
.bars li, .swatch { flex: 1 1 0; min-width: 0; height: 100%; display: flex; align-items: flex-end }
.bars i, .swatch i {
  display: block; width: 100%; height: 22%; border-radius: 1.5px; border: 1px solid var(--none);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; forced-color-adjust: none
}
:is(.bars, .legend) .up i { height: 100%; border-color: var(--works); background: var(--works) }
:is(.bars, .legend) .partly i { height: 75%; border-color: var(--slow); background: var(--slow) }
:is(.bars, .legend) .down i {
  height: 55%; border-color: var(--down);
  background: repeating-linear-gradient(45deg, var(--down) 0 3px, var(--card) 3px 4px)
}
.bars li:hover i { outline: 2px solid var(--text); outline-offset: 1px }
.bars span, .hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap
}
.bars li:hover span {
  width: auto; height: auto; clip-path: none; left: 0; right: 0; top: calc(100% + .35rem); z-index: 1; text-align: center;
  font-size: .8rem; line-height: 1.5em; color: var(--text); background: var(--card); white-space: normal
}
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .9rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: .85rem }
.legend li { display: inline-flex; gap: .45rem; align-items: center }
.begins { margin: .6rem 0 0; color: var(--soft); font-size: .85rem }
.swatch { flex: none; height: 1.1rem; width: .5rem }
.charts .card { padding: .8rem .9rem .4rem }
figcaption { margin-bottom: .4rem }
figcaption small { display: block }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: 1rem }
.tiles .card p { margin: 0 }
.tiles strong { display: block; font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; color: var(--text) }
.budget { display: block; width: 100%; height: .7rem; border-radius: 1rem; border: 1px solid var(--none); overflow: hidden; margin: .6rem 0 .35rem }
.budget rect { fill: var(--slow) }
.budget.spent rect { fill: var(--down) }
.figures { margin-top: 1rem }
.figures .scroll { margin: 0 }
.figures table { width: 100% }
th:first-child { text-align: left; padding-left: 0 }
.log { margin: 0; padding: 0; list-style: none; display: grid; gap: .9rem }
.log li { border-left: 3px solid var(--edge); padding-left: .9rem }
.log li.open { border-color: var(--down) }
.log p { margin: .1rem 0 0 }
details { margin-top: 1rem }
footer { margin-top: 3rem; border-top: 1px solid var(--edge); padding-top: 1rem; color: var(--soft); font-size: .875rem }
footer p { margin: 0 0 .5rem; max-width: 46rem }
th[scope=row] { font-weight: 400 }
@media (max-width: 30rem) {
  .state { grid-template-columns: 1fr; gap: .5rem }
  .bars { height: 2rem }
}
@media print {
  :root { color-scheme: light }
  .page { padding: 0 } .card, .state, .log li { break-inside: avoid }
  details::details-content { content-visibility: visible; display: block }
}
`

/** Shapes on a disc, so that a state is known without its colour. */
const shapes: Readonly<Record<Headline['level'], string>> = {
  works: 'M6.5 12.5l3.7 3.7 7.3-8',
  slow: 'M12 6.5V12l3.5 3',
  trouble: 'M12 6.5v6.5M12 16.6v.2',
  down: 'M8 8l8 8M16 8l-8 8',
  planned: 'M9.5 7.5v9M14.5 7.5v9',
  unknown: 'M9.2 9.3a2.9 2.9 0 1 1 4.2 2.6c-1 .5-1.4 1-1.4 2M12 16.9v.2',
}

/** Hidden from screen readers, because the words next to it say the same. */
export const icon = (level: Headline['level']): string =>
  `<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" fill="none" stroke-linecap="round" stroke-linejoin="round">` +
  `<circle cx="12" cy="12" r="11" fill="currentColor"/><path d="${shapes[level]}" stroke="var(--card)" stroke-width="2.4"/></svg>`

const words: Readonly<Record<Condition, string>> = {
  works: 'works',
  slow: 'slower than usual',
  down: 'down',
  planned: 'planned work',
  unknown: 'unknown',
}

export const conditionMark = (condition: Condition): string =>
  `<span class="now ${condition}">${icon(condition)}${words[condition]}</span>`

const colours: Readonly<Record<Headline['level'], string>> = {
  works: '15803d',
  slow: 'a15c07',
  trouble: 'b91c1c',
  down: 'b91c1c',
  planned: '2b2f77',
  unknown: '858b98',
}

/** The favicon, embedded in the page. */
export const favicon = (level: Headline['level']): string =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke-linecap='round'%3E` +
  `%3Ccircle cx='12' cy='12' r='11' fill='%23${colours[level]}'/%3E%3Cpath d='${shapes[level]}' stroke='white' stroke-width='2.4'/%3E%3C/svg%3E`
