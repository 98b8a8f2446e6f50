const CUSTOMERS = ["Zoë Novak", "Łukasz Kowalski", "Amara Okafor", "美咲 Tanaka", "Jo O'Neill"];
const CITIES = ["Prague", "Kraków", "Lagos", "Kyoto", "Galway", "São Paulo"];
const ITEMS: readonly (readonly [name: string, price: number])[] = [
  ["espresso cups, set of 4", 24.5],
  ["coffee grinder", 119],
  ["filter paper, 100 sheets", 6.9],
  ["kettle", 54.95],
  ['1 kg beans "Finca La Paz"', 31.2],
];

/** An order as a shop may report it; made up, and the same for the same number but for its time. */
export function sampleOrder(number: number): { key: string; value: string } {
  const pick = <T>(from: readonly T[], step: number) => from[(number * step) % from.length];
  const customer = pick(CUSTOMERS, 3);
  const [item, price] = pick(ITEMS, 7);
  const quantity = 1 + number % 3;
  const order = {
    order: `A-${10_000 + number}`,
    customer,
    city: pick(CITIES, 5),
    item,
    quantity,
    total: Math.round(price * quantity * 100) / 100,
    at: new Date().toISOString(),
  };
  return { key: customer, value: JSON.stringify(order) };
}
