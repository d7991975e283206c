/** Micro-dollars as dollars, exactly: to the cent, and further where there is more. */
export function dollars(microDollars: number): string {
  const digits = String(microDollars).padStart(6, "0");
  const whole = Number(digits.slice(0, -6)).toLocaleString("en-US");
  return `$${whole}.${digits.slice(-6).replace(/0{1,4}$/, "")}`;
}
