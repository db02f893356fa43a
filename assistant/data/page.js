// Opens an article where a citation points, passes what is pressed on to the server, and keeps the conversation in
// view.  `server`, `trigger`, `props` and `element` come from gr.HTML.  Loaded by assistant/ui.py.
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
const desk = document.querySelector("#desk");
const EVENTS = ["open_conversation", "rename_conversation", "delete_conversation", "remove_article", "ask_as_typed"];
const LOST = `<article><h2 tabindex="-1">Source</h2><p>The article could not be opened, for the assistant does
    not reply. Start it again where it was started, then load this page anew.</p></article>`;
const UNHEARD = "Not done: the assistant does not reply.";
let from = null, latest = 0;

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
    else if (button.matches("#source .all")) contents();
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && card.matches(":popover-open")) return hideCard();
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("textarea, input, select")) return;
    if (event.key === "Escape") return from && back();
    // Single keys act where a source or a citation has the focus, and nowhere else.
    const step_ = { n: 1, ArrowRight: 1, p: -1, ArrowLeft: -1 }[event.key];
    if (!step_ || !event.target.closest("#source, button.cite")) return;
    event.preventDefault();
    step(step_, event.target.closest(".reply button.cite") || from);
});

// ---- the source
async function open(button) {
    const turn = ++latest, { document: id, number, marks } = button.dataset;
    from?.removeAttribute("aria-current");
    from = element.contains(button) ? null : button;
    from?.setAttribute("aria-current", "true");
    hideCard();
    const html = await server.open_source({ document: id, number, marks: JSON.parse(marks) }).catch(() => null);
    if (turn === latest) await show(html || LOST); // another may have been chosen meanwhile
}
async function contents() {
    await show(await server.list_sources({}).catch(() => LOST));
}
// The list of articles, where it is shown, follows what is added and removed.
let counted = element.closest(".gradio-container").querySelector(".masthead strong")?.textContent;
async function follow() {
    if (!element.querySelector(".contents")) return;
    const html = await server.list_sources({}).catch(() => null);
    if (html && element.querySelector(".contents")) props.value = html;
}
new MutationObserver(() => {
    const now = document.querySelector(".masthead strong")?.textContent;
    if (now && now !== counted) { counted = now; follow(); }
}).observe(document.querySelector(".gradio-container"), { childList: true, subtree: true });
async function show(html) {
    if (html !== props.value) {
        const changed = change(element);
        props.value = html;
        await changed;
    }
    const back = element.querySelector(".back"), others = siblings(from);
    if (back) back.hidden = !from;
    if (back && from && !from.closest(".reply")) back.textContent = "Back to the list";
    for (const button of element.querySelectorAll(".step")) {
        button.hidden = others.length < 2;
        button.disabled = !others[others.indexOf(same(from, others)) + Number(button.dataset.step)];
    }
    const heading = element.querySelector("h2"), mark = element.querySelector("mark.here");
    heading?.focus({ preventScroll: true });
    if (mark) mark.scrollIntoView({ block: mark.getBoundingClientRect().height > innerHeight / 3 ? "start" : "center", behavior: calm() });
    else element.scrollIntoView({ block: "start", behavior: calm() });
}
function change(node) {
    return new Promise((done) => {
        const observer = new MutationObserver(() => (observer.disconnect(), requestAnimationFrame(done)));
        observer.observe(node, { childList: true, subtree: true, characterData: true });
    });
}
function back() {
    const target = from?.isConnected ? from : desk.querySelector("#question textarea");
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
        clearTimeout(leaving);
        if (shows && cite) showCard(cite);
        else if (!shows && (cite || card.contains(event.target))) leaving = setTimeout(hideCard, 150);
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
    if (EVENTS.includes(event)) return trigger(event, data);
    if (event === "export") {
        const file = (await server.export(data).catch(() => null)) || { error: UNHEARD };
        return file.error ? say(button, file.error) : download(file);
    }
    const said = (await server[event](data).catch(() => null)) || UNHEARD; // Gradio gives nothing where nobody replies
    if (data.rating && !said.startsWith("Not")) {
        for (const other of button.parentElement.querySelectorAll("[data-rating]"))
            other.setAttribute("aria-pressed", String(other === button));
    }
    if (fold && !said.startsWith("Not")) {
        fold.open = false;
        fold.querySelector("summary").focus();
    }
    say(button, said);
}
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

// ---- the address names the open conversation, so that it is there again when the page is loaded anew
let named = "";
new MutationObserver(() => {
    desk.querySelector(".edit-textarea:not([aria-label])")?.setAttribute("aria-label", "Edit your question");
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
    if (!answering || !done || box.disabled) return;
    held = answering = false;
    const touch = matchMedia("(hover: none)").matches; // where a focus would bring up the keyboard
    if (document.activeElement === document.body && !touch) box.focus({ preventScroll: true });
}).observe(desk, { childList: true, subtree: true, attributeFilter: ["disabled"] });
