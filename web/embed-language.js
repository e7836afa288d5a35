// In a page of another site, the language is that page's, and need not be the visitor's. Runs before any messages are loaded.
import { speak } from "./language.js";

speak(document.documentElement.lang || undefined);
