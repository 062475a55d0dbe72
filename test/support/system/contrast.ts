/** An expression for a browser: the lowest contrast of these texts against their background (WCAG 2.2, 1.4.3). */
export const getLeastContrast = (selector: string): string => `(() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number)
  const light = (color) => {
    const [r, g, b] = numbers(color).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor
      if ((numbers(color)[3] ?? 1) > 0) return color
    }
    return 'rgb(255, 255, 255)'
  }
  return Math.min(...[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => {
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a)
    return (pair[0] + 0.05) / (pair[1] + 0.05)
  }))
})()`
