// What other sites load: `<script type="module" src="https://…/embed.js">` defines `<lastseat-map>`.
import "./assets/lastseat-map.js";
