"""How `make report` executes and renders the lessons: pages that ask nothing of the network."""

c = get_config()  # noqa: F821 - traitlets puts it there

c.ExecutePreprocessor.timeout = 120  # seconds for one cell; a whole lesson is to take less than 60
c.ExecutePreprocessor.store_widget_state = False  # what draws a widget in a bare page is fetched from a CDN

c.HTMLExporter.extra_template_basedirs = ["jupyter/templates"]
c.HTMLExporter.template_name = "lesson"
c.HTMLExporter.embed_images = True
