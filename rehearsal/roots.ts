import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sitePackages } from '../lib/vps/serverState.ts'
import { type DebianRoot, prepareRoot, type Release } from './debianRoot.ts'
import { PATH, runOrThrow, TIED } from './processes.ts'
import { getCachedTree } from './treeCache.ts'

/** The file systems that machines start from, by purpose. Nothing in them comes from this host. */
export interface Roots {
  builder: string
  images: string
  servers: string
  vps: string
}

/**
 * The base of every image; it represents a slim Python image of Debian 12. pip finds these packages installed. Without a
 * package index, it has no others: for a backend with further requirements, add their Debian packages here; the next
 * rehearsal creates a new root.
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
    'python3-pip',
    'python3-psycopg',
    'python3-psycopg-pool',
    'python3-redis',
    'python3-rq',
  ],
  // As in an image of Python, pip may install for the whole system. It asks once, not six times, and the index that it
  // sees is the rehearsal's (azure/packageIndex.ts). Without the file hosts, an image would have an empty one.
  after: `set -eu
rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
touch "$1/etc/hosts"
cat > "$1/etc/pip.conf" <<END
[global]
disable-pip-version-check = true
retries = 0
root-user-action = ignore
trusted-host = pypi.org
END
cat > "$1/usr/local/bin/apt-get" <<'END'
${readFileSync(join(import.meta.dirname, 'azure/builder/apt-get'), 'utf8')}END
chmod 755 "$1/usr/local/bin/apt-get"
ln -s apt-get "$1/usr/local/bin/apt"`,
}

/** Where a machine that builds images sees the root of the images, and where buildah keeps its own files. */
export const builderFolders = { images: '/srv/images', store: '/srv/store', layout: '/srv/layout' }

/**
 * buildah and a base image for it (containers-storage.conf(5), additionalimagestores). The image has one empty layer,
 * whose folder is a link to the root of the images, so nothing is copied. buildah refuses a store on overlayfs, which
 * the cache folder of a container may be; a tmpfs will do.
 */
const builderRoot: DebianRoot = {
  purpose: "the rehearsal's image builds",
  release: 'bookworm',
  packages: ['buildah', 'ca-certificates', 'iproute2'],
  after: `set -eu
cat > "$1/etc/containers/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "${builderFolders.store}"
runroot = "/run/containers"
END
echo 'unqualified-search-registries = ["docker.io"]' > "$1/etc/containers/registries.conf"
mkdir "$1/srv/base" "$1${builderFolders.images}" "$1${builderFolders.store}"
# buildah's chroot needs a mount point. These mounts end with the shell.
unshare --mount sh -euc 'mount --rbind "$1" "$1"
mount -t tmpfs tmpfs "$1${builderFolders.store}"
chroot "$1" buildah from --name base scratch
chroot "$1" buildah config --env PATH=${PATH} --env LANG=C.UTF-8 --cmd python3 base
chroot "$1" buildah commit --timestamp 0 base oci:${builderFolders.layout}
chroot "$1" buildah commit --rm --timestamp 0 base base
cp -a "$1${builderFolders.store}/." "$1/srv/base"' sh "$1"
cat >> "$1/etc/containers/storage.conf" <<END
[storage.options]
additionalimagestores = ["/srv/base"]
END
layer=$(echo "$1"/srv/base/overlay/*/diff)
rmdir "$layer"
ln -s ${builderFolders.images} "$layer"`,
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
  const [builder, images, servers, vps] = await Promise.all(
    [builderRoot, imageRoot, serverRoot, vpsRoot(vpsRelease)].map((root) => prepareRoot(root, onLine)),
  )
  return { builder: builder!, images: images!, servers: servers!, vps: vps! }
}

/** The line of apt for that folder. */
export const packageSource = `deb [trusted=yes] file:${packageFolder} ./\n`

/**
 * Returns the folder of a copy of the VPS's root on which nginx and certbot are installed and nothing is started, as a
 * deploy that is killed afterwards leaves it. Their installation takes seven seconds of processor time.
 */
export const prepareInstalledVps = (bare: string, onLine: (line: string) => void): Promise<string> =>
  getCachedTree(
    `${dirname(bare)}-installed`,
    async (folder) => {
      await runOrThrow(['cp', '-a', bare, folder])
      writeFileSync(join(folder, 'etc/apt/sources.list'), packageSource)
      const script = `cd "$1"; mount --bind /dev dev; mount -t proc proc proc
exec chroot . sh -euc 'apt-get -q update; apt-get -q install -y --no-install-recommends ${sitePackages.join(' ')}'`
      const inOwnNamespaces = [...TIED, 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--']
      await runOrThrow([...inOwnNamespaces, 'sh', '-euc', script, 'sh', folder], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      })
    },
    onLine,
  )
