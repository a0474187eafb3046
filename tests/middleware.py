def content_security_policy(get_response):
    """As strict as a project can be: nothing inline, nothing from elsewhere."""

    def middleware(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    return middleware
