/** Links into the phone's own apps: calling, and the map. No DOM, no host of anybody. */

/** tel: of a number as platforms write it; a privacy number's extension is dialled after a pause. */
export function callLink(phone) {
  const [number, ...extension] = phone.split(/[,_，转#]|ext\.?/i);
  const digits = (text) => text.replace(/[^\d+]/g, "");
  const dialled = extension.map(digits).filter(Boolean);
  return `tel:${[digits(number), ...dialled].join(",")}`;
}

/** geo: of a stop (RFC 5870, with the query every map app reads), or "" where nobody said where it is. */
export function mapLink({ latitude, longitude, address }) {
  if (latitude === null || longitude === null) return "";
  const place = `${latitude},${longitude}`;
  return `geo:${place}?q=${place}(${encodeURIComponent(address).replace(/[()]/g, "")})`;
}
