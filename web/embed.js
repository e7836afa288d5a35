// What other sites load: `<script type="module" src="https://…/embed.js">` defines `<lastseat-map>`.
import "./assets/embed-language.js";
import "./assets/lastseat-map.js";
