/** What Azure bills a part of the system by, as the Azure Retail Prices API names it. */
export interface Meter {
  service: string
  /** Any of these: Azure renames products now and then. */
  products: readonly string[]
  /** Compared without regard to case: the list has both `B1MS` and `B2s`. */
  sku: string
  meter: string
  unit: string
}

/** A month's quantity of a meter, in the units of `meter.unit`. */
export interface PricedQuantity {
  meter: Meter
  quantity: number
  /** The quantity as a person checks it, such as `730 h × 2 CPU`. */
  formula: string
}

/** A line of the cost estimate. */
export interface PricedPart {
  id: string
  title: string
  quantities: readonly PricedQuantity[]
  /** Follows the formula. */
  remark?: string
}

/** Hours of a month as Azure's own calculator counts them: 365.25 days / 12, rounded. */
export const hoursPerMonth = 730
export const daysPerMonth = hoursPerMonth / 24
