import { GeistMono } from 'geist/font/mono'
import { GeistSans } from 'geist/font/sans'
import localFont from 'next/font/local'

/** The fonts come from npm packages and are served by the site itself: a build needs no font server, a visit no third party. */
const fraunces = localFont({
  src: '../node_modules/@fontsource-variable/fraunces/files/fraunces-latin-wght-normal.woff2',
  variable: '--font-fraunces',
  weight: '100 900',
  display: 'swap',
})

export const fontVariables = `${GeistSans.variable} ${GeistMono.variable} ${fraunces.variable}`
