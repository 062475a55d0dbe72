import type { NextConfig } from 'next'
import { version } from './package.json'

const config: NextConfig = {
  output: 'export',
  // `/workflows` is exported as `workflows.html`; nginx finds it with `try_files $uri $uri.html`.
  trailingSlash: false,
  // The image variants are made by scripts/optimize-images.mjs: a static export has no image server.
  images: { unoptimized: true },
  // The same sources give the same build, so that a publish sends only what differs.
  generateBuildId: () => process.env.BUILD_ID || `v${version}`,
  reactStrictMode: true,
  poweredByHeader: false,
  turbopack: { root: import.meta.dirname },
}

export default config
