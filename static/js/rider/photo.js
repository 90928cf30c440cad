/** A photo small enough for a mobile network, and without the place and time the camera wrote into it. */

const SIDE = 1_280;
const LARGEST = 1_500_000;
const QUALITIES = [0.8, 0.65, 0.5, 0.35];

/** Width and height within `side`, in proportion. */
export function within(width, height, side = SIDE) {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** A JPEG Blob of a picture file. Throws for what is no picture. */
export async function shrink(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const canvas = Object.assign(document.createElement("canvas"), within(picture.width, picture.height));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  for (const quality of QUALITIES) {
    const photo = await encoded(canvas, quality);
    if (photo && photo.size <= LARGEST) return photo;
  }
  throw new Error("the photo stays too large");
}

function encoded(canvas, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}
