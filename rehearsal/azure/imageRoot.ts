import { type DebianRoot, prepareRoot } from '../debianRoot.ts'

/**
 * What every image stands on: it plays a Python image based on Debian 12. PyPI is not within reach of a rehearsal, so
 * the packages that `pip install` may ask for are these. For a backend with further requirements add Debian's packages
 * of them here; the next rehearsal makes a new root.
 */
export const imageRoot: DebianRoot = {
  purpose: "the rehearsal's container images",
  release: 'bookworm',
  packages: [
    'ca-certificates',
    'gunicorn',
    // The machine's own network set-up needs it.
    'iproute2',
    'python-is-python3',
    'python3',
    'python3-flask',
    // For the stand-in of pip.
    'python3-packaging',
    'python3-psycopg',
    'python3-psycopg-pool',
    'python3-redis',
    'python3-rq',
  ],
}

/** Gives the folder of that root, and makes it when it is not there. */
export const prepareImageRoot = (onLine: (line: string) => void): Promise<string> =>
  prepareRoot(imageRoot, onLine)
