/**
 * Convert the drawings in images/ to the files that browsers load: AVIF and WebP in several widths under public/images,
 * a JPEG for link previews, and the icons. images/manifest.json lists them; components/picture.tsx reads it too.
 *
 * The work is skipped when neither the drawings, the manifest, this script nor sharp have changed since the last run.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'images')
const site = join(root, 'public')
const target = join(site, 'images')
const stampFile = join(root, 'node_modules', '.cache', 'optimize-images.json')

/** Render the SVG directly at the requested width instead of scaling a bitmap. */
async function render(name, width, svgWidth) {
  const file = join(source, `${name}.svg`)
  const density = (72 * width) / svgWidth
  return sharp(await readFile(file), { density }).resize({ width })
}

async function makeVariants(manifest) {
  const files = []
  for (const image of manifest.images) {
    for (const width of image.widths) {
      const bitmap = await (await render(image.name, width, image.width)).png().toBuffer()
      for (const [format, options] of Object.entries(manifest.formats)) {
        const file = join(target, `${image.name}-${width}.${format}`)
        await sharp(bitmap).toFormat(format, options).toFile(file)
        files.push(file)
      }
    }
  }
  const preview = join(target, 'preview.jpg')
  await (await render(manifest.preview, 1200, 1600))
    .resize(1200, 630)
    .jpeg({ quality: 80, mozjpeg: true })
    .toFile(preview)
  return [...files, preview]
}

/** An .ico that holds one 32 × 32 PNG: a 6-byte header, one 16-byte directory entry, the PNG. */
function icoOf(png) {
  const header = Buffer.alloc(22)
  header.writeUInt16LE(1, 2) // type: icon
  header.writeUInt16LE(1, 4) // number of images
  header.writeUInt8(32, 6)
  header.writeUInt8(32, 7)
  header.writeUInt16LE(1, 10) // colour planes
  header.writeUInt16LE(32, 12) // bits per pixel
  header.writeUInt32LE(png.length, 14)
  header.writeUInt32LE(header.length, 18)
  return Buffer.concat([header, png])
}

async function makeIcons() {
  const svg = await readFile(join(source, 'icon.svg'))
  const png = (size) =>
    sharp(svg, { density: (72 * size) / 32 })
      .resize(size)
      .png()
      .toBuffer()
  const files = {
    'icon.svg': svg,
    'favicon.ico': icoOf(await png(32)),
    'apple-touch-icon.png': await png(180),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(site, name), content)
  return Object.keys(files).map((name) => join(site, name))
}

async function fingerprint() {
  const hash = createHash('sha256').update(JSON.stringify(sharp.versions))
  const files = (await readdir(source)).sort().map((name) => join(source, name))
  for (const file of [...files, fileURLToPath(import.meta.url)])
    hash.update(file.slice(root.length)).update(await readFile(file))
  return hash.digest('hex')
}

/** True when the last run had the same inputs and all its output still exists, unchanged. */
async function isCurrent(key) {
  try {
    const stamp = JSON.parse(await readFile(stampFile, 'utf8'))
    if (stamp.key !== key) return false
    for (const [file, sha256] of Object.entries(stamp.files)) {
      if (sha256Of(await readFile(join(root, file))) !== sha256) return false
    }
    return true
  } catch {
    return false // no stamp yet, or a file is missing
  }
}

function sha256Of(content) {
  return createHash('sha256').update(content).digest('hex')
}

const begin = performance.now()
const key = await fingerprint()
if (await isCurrent(key)) {
  console.log('Images are up to date')
} else {
  const manifest = JSON.parse(await readFile(join(source, 'manifest.json'), 'utf8'))
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  const made = [...(await makeVariants(manifest)), ...(await makeIcons())]
  const files = {}
  let bytes = 0
  for (const file of made) {
    const content = await readFile(file)
    bytes += content.length
    files[file.slice(root.length + 1)] = sha256Of(content)
  }
  await mkdir(dirname(stampFile), { recursive: true })
  await writeFile(stampFile, JSON.stringify({ key, files }))
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  console.log(`Generated ${made.length} images, ${Math.round(bytes / 1024)} kB, in ${seconds} s`)
}
