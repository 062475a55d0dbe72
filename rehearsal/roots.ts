import { type DebianRoot, prepareRoot, type Release } from './debianRoot.ts'

/** The file systems that machines start from, by purpose. Nothing in them comes from this host. */
export interface Roots {
  images: string
  servers: string
  vps: string
}

/**
 * The base of every image; it represents a slim Python image of Debian 12. A rehearsal cannot reach PyPI, so these are the
 * packages that `pip install` may request. For a backend with further requirements, add their Debian packages here; the
 * next rehearsal creates a new root.
 */
export const imageRoot: DebianRoot = {
  purpose: "the rehearsal's container images",
  release: 'bookworm',
  packages: [
    'ca-certificates',
    'gunicorn',
    // Needed for the network set-up of the machine.
    'iproute2',
    'python-is-python3',
    'python3',
    'python3-flask',
    // For the substitute for pip.
    'python3-packaging',
    'python3-psycopg',
    'python3-psycopg-pool',
    'python3-redis',
    'python3-rq',
  ],
}

/** PostgreSQL 15, Redis 7, and the machine that represents the Internet. */
const serverRoot: DebianRoot = {
  purpose: "the rehearsal's database and Redis servers",
  release: 'bookworm',
  packages: ['ca-certificates', 'iproute2', 'postgresql', 'python3', 'redis-server'],
  // Otherwise, installing postgresql creates a database cluster (pg_createcluster(1)).
  before: `mkdir -p "$1/etc/postgresql-common/createcluster.d"
echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.d/none.conf"`,
}

/** Packages that the operator's scripts may install on the VPS; their dependencies are included. */
const offered = [
  ...['nginx', 'certbot', 'ca-certificates', 'zstd'],
  ...['cron', 'curl', 'locales', 'logrotate', 'rsync', 'sudo'],
]

/** Where the VPS finds those packages. */
export const packageFolder = '/srv/debian'

/**
 * A rented server before its first set-up: neither nginx nor certbot, but a repository (deb822, "Packages") to install
 * them from without a network.
 */
export const vpsRoot = (release: Release): DebianRoot => ({
  purpose: "the rehearsal's VPS",
  release,
  // Python is for the substitute for systemctl.
  packages: ['ca-certificates', 'iproute2', 'openssh-server', 'procps', 'python3'],
  after: `set -eu
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install --yes --no-install-recommends --download-only ${offered.join(' ')}
mkdir -p "$1${packageFolder}"
mv "$1"/var/cache/apt/archives/*.deb "$1${packageFolder}"
cd "$1${packageFolder}"
for file in *.deb; do
  dpkg-deb --field "$file"
  echo "Filename: ./$file"
  echo "Size: $(stat --format=%s "$file")"
  echo "SHA256: $(sha256sum "$file" | cut --delimiter=' ' --fields=1)"
  echo
done > Packages`,
})

/**
 * Returns the folders of all roots, and creates the missing ones.
 * Errors: those of prepareRoot.
 */
export async function prepareRoots(
  onLine: (line: string) => void,
  vpsRelease: Release = 'bookworm',
): Promise<Roots> {
  const [images, servers, vps] = await Promise.all(
    [imageRoot, serverRoot, vpsRoot(vpsRelease)].map((root) => prepareRoot(root, onLine)),
  )
  return { images: images!, servers: servers!, vps: vps! }
}
