import {
  BellIcon,
  BotIcon,
  BoxesIcon,
  ChartLineIcon,
  CogIcon,
  HeartPulseIcon,
  LandmarkIcon,
  type LucideIcon,
  NetworkIcon,
  ScaleIcon,
  ScrollTextIcon,
  SunriseIcon,
  UsersIcon,
  WorkflowIcon,
} from 'lucide-react'
import type { SectionIcon as Name } from '@/data/types'

const ICONS: Record<Name, LucideIcon> = {
  councils: UsersIcon,
  agents: BotIcon,
  workflows: WorkflowIcon,
  capsules: BoxesIcon,
  treasury: LandmarkIcon,
  ai: ScrollTextIcon,
  dawn: SunriseIcon,
  automation: CogIcon,
  orchestration: NetworkIcon,
  notifications: BellIcon,
  health: HeartPulseIcon,
  metrics: ChartLineIcon,
  governance: ScaleIcon,
}

export function SectionIcon({ name, className }: { name: Name; className?: string }) {
  const Icon = ICONS[name]
  return <Icon className={className} aria-hidden />
}
