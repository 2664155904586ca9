# The viewer's files in the binary, and the pieces of the report they are joined to.
# Order matters: a module stands after those it imports, so that joining them works.
WEB_JS	   := $(addprefix web/,units.js fttr.js tree.js pathid.js graft.js match.js search.js state.js \
	      data.js palette.js raster.js flame.js gestures.js timeline.js panel.js graph.js \
	      keys.js controls.js app.js main.js)
WEB_FILES  := web/index.html web/style.css $(WEB_JS)
WEB_REPORT := $(OUT)/web/report_head.html $(OUT)/web/report_tail.html

$(OUT)/web/report_head.html: web/index.html web/style.css $(WEB_JS) web/web.mk scripts/web-report
	$(call say,WEB,$@)
	mkdir -p $(@D)
	scripts/web-report head $(WEB_JS) > $@

$(OUT)/web/report_tail.html: $(WEB_JS) web/web.mk scripts/web-report
	$(call say,WEB,$@)
	mkdir -p $(@D)
	scripts/web-report tail $(WEB_JS) > $@

$(OUT)/web/assets.def: $(WEB_FILES) $(WEB_REPORT) web/web.mk scripts/web-assets
	$(call say,WEB,$@)
	scripts/web-assets $(WEB_FILES) $(WEB_REPORT) > $@

# .incbin is not seen by -MMD; assets.def changes with every file's content.
$(OUT)/web/assets.o: $(WEB_FILES) $(WEB_REPORT) $(OUT)/web/assets.def
$(OUT)/agent/server/assets.o $(OUT)/asan/agent/server/assets.o: $(OUT)/web/assets.def
