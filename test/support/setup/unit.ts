import { afterEach } from 'vitest'
import { noteEnvironment } from '../../../lib/config/config.ts'

/** The files share the modules, and with them what a run stores of its environment and subscription. */
afterEach(() => noteEnvironment(undefined))
