// Opens an article where a citation points, passes what is pressed on to the server, and keeps the conversation in
// view.  `server`, `trigger`, `props` and `element` come from gr.HTML.  Loaded by assistant/ui.py.
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
const desk = document.querySelector("#desk");
const EVENTS = ["open_conversation", "rename_conversation", "delete_conversation", "remove_article", "ask_as_typed"];
const LOST = `<article><h2 tabindex="-1">Source</h2><p>The article could not be opened, for the assistant does
    not reply. Start it again where it was started, then load this page anew.</p></article>`;
const PUT = "Drop articles here, or choose files"; // as it is seen; Gradio's own name says something else
const UNHEARD = "Not done: the assistant does not reply.";
let from = null, origin = null, latest = 0;
const box = () => desk.querySelector("#question textarea");
const touch = () => matchMedia("(hover: none)").matches; // where a focus would bring up the keyboard
const lost = (active = document.activeElement) => active === document.body || !active.checkVisibility({ visibilityProperty: true });

document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button !== pointed) hideCard();
    if (!button) return;
    if (button.matches(".label-wrap")) requestAnimationFrame(() => tell(button));
    if (button.dataset.document && !button.dataset.event) open(button);
    else if (button.dataset.event) press(button);
    else if (button.dataset.copy) copy(button);
    else if (button.matches("#source .step")) step(Number(button.dataset.step));
    else if (button.matches("#source .back")) back();
    else if (button.matches("#source .newest")) open(newest().querySelector("button.cite"));
    else if (button.matches("#source .all")) contents();
    else if (button.matches("#fresh") && !touch()) box().focus();
});
document.addEventListener("keydown", (event) => {
    const { key, target } = event, escapes = key === "Escape";
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (escapes && card.matches(":popover-open")) return hideCard();
    if (escapes && target.matches(".edit-textarea")) return bar(target).querySelector("button:last-of-type").click();
    const fold = escapes && target.closest(":is(.actions, .articles) details[open]");
    if (fold) return close(fold);
    if (key === "Enter" && target.matches(".actions input")) return target.closest("details").querySelector("[data-event]").click();
    if (target.matches('[role="tab"]') && toTab(event)) return;
    if (target.closest("textarea, input, select")) return;
    if (escapes) return from ? back() : element.contains(target) && leave();
    // Single keys act where a source or a citation has the focus, and nowhere else.
    const step_ = { n: 1, ArrowRight: 1, p: -1, ArrowLeft: -1 }[key];
    if (!step_ || !target.closest("#source, button.cite")) return;
    event.preventDefault();
    step(step_, target.closest(".reply button.cite") || from);
});
// Gradio's tabs are reached with Tab alone, but their role says that the arrows go from one to the next.
function toTab(event) {
    const tabs = [...event.target.parentElement.querySelectorAll('[role="tab"]')], at = tabs.indexOf(event.target);
    const to = { ArrowRight: (at + 1) % tabs.length, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return false;
    event.preventDefault();
    tabs.at(to).focus();
    tabs.at(to).click();
    return true;
}
function close(fold) {
    fold.open = false;
    fold.querySelector("summary").focus();
}

// ---- the source
async function open(button) {
    const turn = ++latest, { document: id, number, marks } = button.dataset;
    from = element.contains(button) ? null : button;
    origin = from && { ...where(from), document: id, number, marks };
    hideCard();
    const html = await server.open_source({ document: id, number, marks: JSON.parse(marks) }).catch(() => null);
    if (turn === latest) await show(html || LOST); // another may have been chosen meanwhile
}
async function contents() {
    const turn = ++latest, html = await server.list_sources({}).catch(() => LOST);
    if (turn === latest) await show(html);
}
// Out of an article that was opened from the list beside the answers: back to its place there.
async function leave() {
    const id = element.querySelector("[data-shown]")?.dataset.shown;
    if (id === undefined) return;
    await contents();
    [...element.querySelectorAll("button")].find(({ dataset }) => dataset.document === id)?.focus();
}
// The list of articles, where it is shown, follows what is added and removed, and takes the place of an article
// that was removed.
let counted = element.closest(".gradio-container").querySelector(".masthead strong")?.textContent, removed = null;
async function follow() {
    const stale = () => element.querySelector(".contents") || element.querySelector("[data-shown]")?.dataset.shown === removed;
    if (!stale()) return;
    const html = await server.list_sources({}).catch(() => null);
    if (html && stale()) props.value = html;
}
new MutationObserver(() => {
    const now = document.querySelector(".masthead strong")?.textContent;
    if (now && now !== counted) { counted = now; follow(); }
}).observe(document.querySelector(".gradio-container"), { childList: true, subtree: true, characterData: true });
// What is offered and what has the focus changes with the article and not a frame later: a key that is
// pressed in between would be lost.
async function show(html) {
    if (html !== props.value) {
        const changed = change(element);
        props.value = html;
        await changed;
    }
    dress();
    const heading = element.querySelector("h2"), mark = element.querySelector("mark.here");
    heading?.focus({ preventScroll: true });
    if (mark) mark.scrollIntoView({ block: mark.getBoundingClientRect().height > innerHeight / 3 ? "start" : "center", behavior: calm() });
    else element.scrollIntoView({ block: "start", behavior: calm() });
}
function change(node) {
    return new Promise((done) => {
        const observer = new MutationObserver(() => (observer.disconnect(), done()));
        observer.observe(node, { childList: true, subtree: true, characterData: true, attributes: true });
    });
}
// The head of the panel says whose citation is open.  A new answer does not take away the article that is being read:
// the panel then says that it belongs to an earlier one, and offers the way to the newest.
function dress() {
    for (const button of desk.querySelectorAll("button[aria-current]")) if (button !== from) button.removeAttribute("aria-current");
    from?.setAttribute("aria-current", "true");
    const back = element.querySelector(".back");
    if (!back) return;
    const others = siblings(from), own = from?.closest(".reply"), last = newest();
    const gone = !from && origin?.reply !== undefined, earlier = own && last && own !== last;
    element.querySelector(".of-none").hidden = !gone;
    element.querySelector(".of-earlier").hidden = !earlier;
    element.querySelector(".lighter")?.toggleAttribute("hidden", gone || earlier);
    element.querySelector(".newest").hidden = !(gone || earlier) || !last?.querySelector("button.cite");
    back.hidden = !from;
    if (from && !own) back.textContent = "Back to the list";
    for (const button of element.querySelectorAll(".step")) {
        button.hidden = others.length < 2;
        button.disabled = !others[others.indexOf(same(from, others)) + Number(button.dataset.step)];
    }
}
function newest() {
    return [...desk.querySelectorAll("#chat .reply:has(.status)")].pop();
}
// Where a button stands: in which answer, as which of its buttons.  Gradio draws answers and lists anew, takes them away,
// and makes other buttons of those that are there.
function where(button) {
    const reply = button.closest(".reply"), { conversation, place } = reply?.querySelector("[data-conversation]")?.dataset || {};
    return reply ? { reply: conversation && `${conversation}/${place}` || null, at: [...reply.querySelectorAll("button")].indexOf(button) } : {};
}
function refind() {
    const is = (button) => button?.isConnected && ["document", "number", "marks"].every((name) => button.dataset[name] === origin[name])
        && (origin.reply === undefined || where(button).reply === origin.reply);
    if (!origin || is(from)) return;
    if (origin.reply === undefined) from = [...desk.querySelectorAll("#table button")].find(is) || null;
    else from = origin.reply && [...desk.querySelectorAll(".reply")].map((reply) => reply.querySelectorAll("button")[origin.at]).find(is) || null;
}
new MutationObserver(() => {
    if (!origin) return;
    refind();
    if (origin.reply !== undefined && !desk.querySelector("#chat .message-row")) { // a new conversation begins
        from = origin = null;
        latest++;
        server.list_sources({}).then((html) => props.value = html, () => null);
    }
    dress();
}).observe(desk, { childList: true, subtree: true, characterData: true, attributeFilter: ["data-marks", "data-place", "data-conversation"] });
function back() {
    const target = from || (origin?.reply === undefined ? desk.querySelector("#over-table :is(input, textarea)") : box());
    const tab = target?.closest("#tabs > .tabitem");
    if (tab && !target.checkVisibility()) { // another tab is open meanwhile
        document.querySelector(`[role="tab"][aria-controls="${tab.id}"]`)?.click();
        return requestAnimationFrame(() => target.checkVisibility() && back());
    }
    target?.scrollIntoView({ block: "nearest" });
    target?.focus();
}
// The citations of a reply, each number once, and the one of them that a button stands for.
function siblings(button) {
    const all = [...(button?.closest(".reply")?.querySelectorAll("button.cite") || [])], seen = new Set();
    return all.filter(({ dataset }) => !seen.has(dataset.number) && seen.add(dataset.number));
}
function same(button, others) {
    return others.find(({ dataset }) => dataset.number === button?.dataset.number);
}
function step(by, start = from) {
    const others = siblings(start), next = others[others.indexOf(same(start, others)) + by];
    if (next) open(next);
}

// ---- the quote of a citation, where it is pointed at or has the focus
const card = document.createElement("div");
card.id = "quote-card";
card.popover = "manual";
card.setAttribute("role", "tooltip");
card.append(document.createElement("q"), document.createElement("p"));
document.querySelector(".gradio-container").append(card);
let pointed = null, leaving = 0;
for (const [kind, shows] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
    document.addEventListener(kind, (event) => {
        const cite = event.target.closest?.("button.cite[data-quote]");
        if (!cite && !card.contains(event.target)) return;
        clearTimeout(leaving);
        if (shows && cite) showCard(cite);
        else if (!shows) leaving = setTimeout(() => pointed?.matches(":hover, :focus-visible") || card.matches(":hover") || hideCard(), 150);
    });
}
function showCard(cite) {
    if (cite === pointed) return;
    hideCard();
    pointed = cite;
    card.firstChild.textContent = cite.dataset.quote;
    card.lastChild.textContent = cite.dataset.about;
    cite.setAttribute("aria-describedby", card.id);
    card.showPopover();
    const box = cite.getBoundingClientRect(), own = card.getBoundingClientRect();
    const below = box.bottom + 6 + own.height < innerHeight;
    card.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
    card.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - own.height - 6)}px`;
}
function hideCard() {
    pointed?.removeAttribute("aria-describedby");
    pointed = null;
    if (card.matches(":popover-open")) card.hidePopover();
}
document.addEventListener("scroll", hideCard, { capture: true, passive: true });

// ---- what is pressed
async function press(button) {
    const { event, ...data } = button.dataset, fold = button.closest("details");
    for (const field of fold?.querySelectorAll("input, textarea, select") || []) data[field.name] = field.value;
    if (EVENTS.includes(event)) {
        after(button, event, data);
        return trigger(event, data);
    }
    if (event === "export") {
        const file = (await server.export(data).catch(() => null)) || { error: UNHEARD };
        return file.error ? say(button, file.error) : download(file);
    }
    const said = (await server[event](data).catch(() => null)) || UNHEARD; // Gradio gives nothing where nobody replies
    if (data.rating && !said.startsWith("Not")) {
        for (const other of button.parentElement.querySelectorAll("[data-rating]"))
            other.setAttribute("aria-pressed", String(other === button));
    }
    if (fold && !said.startsWith("Not")) close(fold);
    say(button, said);
}
// What was pressed is drawn anew or goes with its row: the focus goes on from there, and not from the top of the page.
let next = null;
function after(button, event, data) {
    const row = button.closest("li, tr"), at = row && [...row.parentElement.children].indexOf(row);
    const beside = (rows) => (rows[at] || rows[rows.length - 1])?.querySelector(".open-passage");
    button.setAttribute("aria-busy", "true");
    if (event === "remove_article") removed = data.document;
    if (event === "ask_as_typed") button.blur(); // the box gets the focus once the answer is there
    next = {
        open_conversation: () => touch() ? null : box(),
        rename_conversation: () => [...desk.querySelectorAll('#kept details:has([data-event="rename_conversation"]) > summary')]
            .find((summary) => summary.parentElement.querySelector("[data-event]").dataset.conversation === data.conversation),
        delete_conversation: () => beside(desk.querySelectorAll("#kept li")) || document.querySelector("#conversations-button"),
        remove_article: () => beside(desk.querySelectorAll("#table tbody tr")) || desk.querySelector("#over-table :is(input, textarea)"),
    }[event] || null;
}
new MutationObserver((changes) => {
    if (!next || !changes.some(({ target }) => target.parentElement?.closest("#kept, #table, #chat"))) return;
    if (!lost()) return;
    const target = next();
    if (!target?.checkVisibility()) return; // its tab comes after it
    next = null;
    target.focus();
}).observe(desk, { childList: true, subtree: true, characterData: true, attributes: true });
function say(button, sentence) {
    const place = button.closest(".actions")?.querySelector(".done");
    if (place) place.textContent = sentence;
}
function download({ name, text }) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
async function copy(button) {
    const done = await navigator.clipboard?.writeText(button.dataset.copy).then(() => true, () => false);
    const place = button.closest(".actions").querySelector(".done");
    if (place) place.textContent = done ? "Copied." : "Not copied: the browser does not allow it here.";
}
// Words copied out of an answer take the references of their numbers along.
document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection.isCollapsed || event.target.closest?.("textarea, input")) return;
    const range = selection.getRangeAt(0), near = range.commonAncestorContainer;
    const answer = (near.nodeType === 1 ? near : near.parentElement).closest(".answer");
    if (!answer) return;
    const cites = [...answer.querySelectorAll("button.cite")].filter((cite) => range.intersectsNode(cite));
    const copied = range.cloneContents(), lines = new Map();
    for (const hidden of copied.querySelectorAll(".aside, .verdict")) hidden.remove();
    for (const block of copied.querySelectorAll("p, li, blockquote")) block.append("\n\n");
    for (const { dataset } of cites)
        lines.set(dataset.number, `[${dataset.number}] “${dataset.quote.replace(/\s+/g, " ")}” — ${dataset.about.replaceAll(" · ", ", ")}`);
    const text = copied.textContent.trim();
    event.clipboardData.setData("text/plain", lines.size ? `${text}\n\nSources\n${[...lines.values()].join("\n")}` : text);
    event.preventDefault();
});

// Gradio's fold does not say whether it is open.
function tell(fold) {
    fold.setAttribute("aria-expanded", String(fold.nextElementSibling.style.display !== "none"));
}

// ---- times are kept in UTC, and shown in the reader's own time zone
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone, two = (number) => String(number).padStart(2, "0");
function tellTimes() {
    for (const time of document.querySelectorAll("time[datetime]:not([title])")) { // Gradio takes the title away where it writes anew
        const moment = new Date(time.dateTime), day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
        const minute = `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
        time.title = `${minute} (${zone})`;
        time.textContent = time.matches(".day") ? day : minute;
    }
}
new MutationObserver(tellTimes).observe(desk, { childList: true, subtree: true, characterData: true, attributeFilter: ["datetime", "title"] });
tellTimes();

// ---- editing a question: Escape gives up, and the focus is then where it began
const bar = (area) => area.closest(".message-row").nextElementSibling; // Gradio's buttons, whose names are in the browser's language
let edited = null;
new MutationObserver(() => {
    const area = desk.querySelector(".edit-textarea");
    if (area) edited = area.closest(".message-row");
    else if (edited) {
        if (lost()) edited.nextElementSibling?.querySelector("button:enabled")?.focus();
        edited = null;
    }
}).observe(desk, { childList: true, subtree: true });

// ---- the address names the open conversation, so that it is there again when the page is loaded anew
let named = "";
new MutationObserver(() => {
    desk.querySelector(".edit-textarea:not([aria-label])")?.setAttribute("aria-label", "Edit your question");
    const examples = desk.querySelector("#chat .examples[role=list]"); // whose children are buttons, and no items of a list
    examples?.setAttribute("aria-label", "Questions to begin with");
    examples?.setAttribute("role", "group");
    const put = desk.querySelector("#put .upload-container");
    if (put && put.ariaLabel !== PUT) put.ariaLabel = PUT;
    for (const fold of desk.querySelectorAll(".label-wrap:not([aria-expanded])")) tell(fold);
    const chat = desk.querySelector("#chat"), last = [...desk.querySelectorAll("#chat .reply [data-conversation]")].pop();
    const name = last ? last.dataset.conversation : chat?.querySelector(".message-row") ? named : "";
    if (name === named) return;
    named = name;
    const address = new URL(location);
    if (name) address.searchParams.set("conversation", name);
    else address.searchParams.delete("conversation");
    history.replaceState(history.state, "", address);
}).observe(desk, { childList: true, subtree: true });

// A new answer is read from its question on, so that is what the conversation scrolls to and holds while
// the answer grows below it, unless the reader scrolls.  The next question can be typed at once, for
// Gradio takes the focus away while it answers.
let seen = 0, held = false, answering = false;
for (const kind of ["wheel", "touchmove", "keydown"]) desk.addEventListener(kind, () => held = false, { passive: true });
new MutationObserver(() => {
    const chat = desk.querySelector("#conversation"), box = chat?.querySelector("#question textarea");
    if (!box) return; // not there yet
    const questions = chat.querySelectorAll(".message.user");
    const now = questions.length + chat.querySelectorAll(".reply .status").length;
    if (now > seen) held = true;
    if (now !== seen) answering = true;
    seen = now;
    if (held) questions[questions.length - 1]?.scrollIntoView({ block: "start", behavior: calm() });
    const rows = chat.querySelectorAll(".message-row");
    const done = !rows.length || rows[rows.length - 1].querySelector(".status")
        || chat.querySelector(".message-buttons button:not(:disabled)"); // stopped
    if (!answering || !done || box.disabled || chat.querySelector("#question .stop-button")) return; // Stop goes last, with the focus if it has it
    held = answering = false;
    if (document.activeElement === document.body && !touch()) box.focus({ preventScroll: true });
}).observe(desk, { childList: true, subtree: true, attributeFilter: ["disabled"] });
