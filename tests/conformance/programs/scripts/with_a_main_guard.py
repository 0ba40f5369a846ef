"""A script with functions and a guarded main part."""

import mlrun


def main(context):
    context.log_result("ran", __name__ == "__main__")


if __name__ == "__main__":
    main(mlrun.get_or_create_ctx("script"))
