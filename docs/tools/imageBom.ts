import path from 'node:path'
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import { PackageURL } from 'packageurl-js'
import { readImageArchive } from './imageArchive.ts'

interface Package {
  type: 'deb' | 'pypi'
  name: string
  version: string
  architecture?: string
}

const status = 'var/lib/dpkg/status'
const release = 'usr/lib/os-release'
/** What pip installs, and what Debian packages of Python modules contain: `NAME-VERSION.dist-info/METADATA` or egg-info. */
const metadata = /\/(?:site|dist)-packages\/[^/]+\.(?:dist-info\/METADATA|egg-info(?:\/PKG-INFO)?)$/

/** The software bill of materials of an image archive, as CycloneDX 1.6 JSON: Debian and Python packages. */
export async function createImageBom(file: string): Promise<string> {
  const wanted = (name: string) => name === status || name === release || metadata.test(name)
  const { name = path.basename(file), digest, files } = await readImageArchive(file, wanted)
  const read = (path: string) => files.get(path)?.toString() ?? ''
  if (!read(status)) throw new Error(`The image in ${file} has no ${status}: it is not based on Debian.`)
  const python = [...files.keys()].filter((path) => metadata.test(path))
  const packages = [...parseDpkgStatus(read(status)), ...python.map((path) => parseMetadata(read(path)))]
  const { ID: vendor = 'debian', VERSION_ID: version } = parseRelease(read(release))
  const components = packages.map((each) => toComponent(each, vendor, version))
  const bom = new Models.Bom({
    serialNumber: Contrib.Bom.Utils.randomSerialNumber(),
    metadata: new Models.Metadata({
      timestamp: new Date(),
      component: new Models.Component(Enums.ComponentType.Container, name, { version: digest }),
    }),
    components: new Models.ComponentRepository(components),
  })
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
  return serializer.serialize(bom, { sortLists: true, space: 2 })
}

/** The installed packages in dpkg's list: one paragraph for each package, as in deb822(5). */
function parseDpkgStatus(text: string): Package[] {
  return text
    .split(/\n\n+/)
    .map(parseFields)
    .filter(({ Status: state }) => state?.endsWith(' installed'))
    .map(({ Package: name = '', Version: version = '', Architecture: architecture = '' }) => ({
      ...{ type: 'deb' as const, name, version, architecture },
    }))
}

/** Name and version in the metadata of a Python package; PyPI's names are the same with `-`, `_` and `.` (PEP 503). */
function parseMetadata(text: string): Package {
  const { Name: name = '', Version: version = '' } = parseFields(text.split('\n\n', 1)[0]!)
  return { type: 'pypi', name: name.toLowerCase().replaceAll(/[-_.]+/g, '-'), version }
}

function parseFields(text: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(text.matchAll(/^([\w-]+): *(.*)$/gm), ([, key, value]) => [key, value]),
  )
}

function parseRelease(text: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm), ([, key, value]) => [key, value]),
  )
}

function toComponent({ type, name, version, architecture }: Package, vendor: string, release?: string) {
  const distro = release ? { distro: `${vendor}-${release}` } : {}
  const purl =
    type === 'deb'
      ? new PackageURL('deb', vendor, name, version, { arch: architecture!, ...distro }, undefined)
      : new PackageURL('pypi', undefined, name, version, undefined, undefined)
  const reference = purl.toString()
  return new Models.Component(Enums.ComponentType.Library, name, {
    version,
    purl: reference,
    bomRef: reference,
  })
}
