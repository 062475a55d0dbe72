import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const { shared, pages } = JSON.parse(readFileSync('content.json', 'utf8'))
const asset = (text) => {
  const name = `/_next/static/chunks/${createHash('sha256').update(text).digest('hex').slice(0, 16)}.js`
  writeFileSync(`out${name}`, text)
  return name
}
const page = (title, scripts) =>
  `<!doctype html><html><head><title>${title}</title>${scripts
    .map((src) => `<script src="${src}"></script>`)
    .join('')}</head><body>${title}</body></html>`

rmSync('out', { recursive: true, force: true })
mkdirSync('out/_next/static/chunks', { recursive: true })
cpSync('public', 'out', { recursive: true })
const common = asset(`globalThis.shared = ${JSON.stringify(shared)}`)
for (const [name, text] of Object.entries(pages)) {
  writeFileSync(`out/${name}.html`, page(name, [common, asset(`globalThis.own = ${JSON.stringify(text)}`)]))
}
writeFileSync('out/404.html', page('Not found', [common]))
console.log(`${Object.keys(pages).length} pages`)
