// What the page says of a show's picture.

import { messages } from "../language.js";

export const t = messages({
  en: {
    picture: "Picture",
    hint: "Buyers see it in the list of shows and beside the title, cut to the shape below. A large photograph is made smaller here before it is sent. Where it was taken is not published.",
    none: "The show has no picture of its own: buyers see this drawn one.",
    choose: "Choose a picture",
    drop: "Or drop a file here.",
    chosen: "Not saved yet: {width} × {height} pixels, {size} kB.",
    alt: "What is to be seen on it",
    alt_hint: "Read out to those who don't see the picture.",
    save: "Save the picture",
    remove: "Remove the picture",
    remove_means: "Buyers see the drawn one again. The picture stays in the event history.",
    saved: "The picture is saved.",
    removed: "The picture is removed.",
    no_picture: "The browser can't read this file as a picture. Choose a JPEG, PNG or WebP.",
    nothing_chosen: "Choose a picture first.",
  },
  de: {
    picture: "Bild",
    hint: "Käufer sehen es in der Liste der Veranstaltungen und neben dem Titel, zugeschnitten wie unten. Ein großes Foto wird hier verkleinert, bevor es gesendet wird. Wo es aufgenommen wurde, wird nicht veröffentlicht.",
    none: "Die Veranstaltung hat kein eigenes Bild: Käufer sehen dieses gezeichnete.",
    choose: "Bild wählen",
    drop: "Oder ziehen Sie eine Datei hierher.",
    chosen: "Noch nicht gespeichert: {width} × {height} Pixel, {size} kB.",
    alt: "Was darauf zu sehen ist",
    alt_hint: "Wird denen vorgelesen, die das Bild nicht sehen.",
    save: "Bild speichern",
    remove: "Bild entfernen",
    remove_means: "Käufer sehen wieder das gezeichnete. Das Bild bleibt in der Ereignishistorie.",
    saved: "Das Bild ist gespeichert.",
    removed: "Das Bild ist entfernt.",
    no_picture: "Der Browser kann diese Datei nicht als Bild lesen. Wählen Sie ein JPEG, PNG oder WebP.",
    nothing_chosen: "Wählen Sie erst ein Bild.",
  },
});
